"""Many trainings in search of a good one: a folder of runs, from which anybody who holds it can go on."""
