"""Which layers get which scheme: what each loses alone, what each costs, plans in between."""
