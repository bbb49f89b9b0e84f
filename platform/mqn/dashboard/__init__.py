"""`mqn dashboard`: the panels of a study's page as a web app that follows the study while it runs."""
