"""Hearing: the towers, the audio decoding in front of them and the encoder over both."""

import lazy_loader

from .extras import explained

_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = explained(_attribute)
