"""Networks beside each other: each is exported, measured, and scored where it is trained (`mqn compare`)."""
