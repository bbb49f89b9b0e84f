"""How everything looks that is drawn: pages, pictures, colours, the same in every room."""
