"""Audio: files, archives and streams as waveforms, with their times, tags and tracks."""
