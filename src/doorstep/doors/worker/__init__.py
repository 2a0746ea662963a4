"""worker: does what comes next: the jobs that verbs left, the calls to the outside, the deadlines that pass."""
