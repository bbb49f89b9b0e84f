"""What the procedural scenes are made of: a ray caster, surfaces and skies, and the places that are composed."""
