"""Plan, run, calibrate, resume; emits events that reporters listen to."""
