"""What lies on the disk: tables, manifest, annexes, and how they are written so that a crash harms nothing."""
