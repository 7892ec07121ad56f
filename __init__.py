"""soundgrep finds sounds by describing them: index audio files once, then search them by text or by sound."""

# Nothing is imported before it is asked for: this runs at the start of every command.


def __getattr__(name: str) -> object:
    import lazy_loader

    module = globals()
    module["__getattr__"], module["__dir__"], module["__all__"] = lazy_loader.attach_stub(__name__, __file__)
    return module[name] if name in module else module["__getattr__"](name)


def __dir__() -> list[str]:
    __getattr__("__all__")
    return globals()["__dir__"]()
