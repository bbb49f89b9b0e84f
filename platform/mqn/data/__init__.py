"""Datasets: folders of HDR pictures prepared once, and the LDR-HDR pairs that trainings and evaluations draw."""
