"""Reading: a collection on disk, its catalog, its index and the queries over them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
