"""soundgrep finds sounds by describing them: index audio files once, then search them by text or by sound."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
