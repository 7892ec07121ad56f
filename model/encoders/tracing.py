"""Tracing: from torch modules to OpenVINO graphs whose weights are still to come."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import openvino
import torch
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor, nn

Sources = Mapping[str, tuple[str, ...]]


def traced(
    module: nn.Module,
    forward: Callable[..., Tensor | tuple[Tensor, ...]],
    inputs: Mapping[str, Tensor],
    *,
    shapes: Mapping[str, list[int]] | None = None,
    sources: Sources | None = None,
) -> openvino.Model:
    """Make the graph of a module.

    Args:
        module: The module, whose parameters and running statistics become inputs of the graph; it is of no use after.
        forward: Computes what the graph is to compute, of the inputs in their order.
        inputs: Examples, by the names that the graph has for them, which hold no dot.
        shapes: Shapes of those inputs whose sizes vary, -1 for each that does.
        sources: The tensors of a checkpoint that one of the module's is made of, end to end, where they differ from
            that one by name.

    Returns:
        The graph.
    """
    module.eval().requires_grad_(False)
    ours = {name: value for name, value in module.state_dict().items() if value.is_floating_point()}
    sources = {name: (sources or {}).get(name, (name,)) for name in ours}
    weights = {
        theirs: torch.zeros(ours[name].shape[0] // len(parts), *ours[name].shape[1:])
        for name, parts in sources.items()
        for theirs in parts
    }

    def run(*values: Tensor) -> Any:
        given = dict(zip(weights, values[len(inputs) :], strict=True))
        for name, parts in sources.items():
            place, _, leaf = name.rpartition(".")
            owner = module.get_submodule(place)
            for tensors in (owner._parameters, owner._buffers):
                tensors.pop(leaf, None)
            value = given[parts[0]] if len(parts) == 1 else torch.cat([given[part] for part in parts])
            object.__setattr__(owner, leaf, value)  # a plain tensor, which the trace follows to its input
        return forward(*values[: len(inputs)])

    examples = (*inputs.values(), *weights.values())
    trace: Any = torch.jit.trace  # untyped
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that are the same in every segment
        decoder = TorchScriptPythonDecoder(trace(run, examples, check_trace=False), example_input=examples)
        model = openvino.convert_model(decoder)
    for parameter, (name, value) in zip(model.get_parameters(), {**inputs, **weights}.items(), strict=True):
        parameter.set_friendly_name(name)
        parameter.set_element_type(openvino.Type.i64 if value.dtype == torch.int64 else openvino.Type.f32)
        parameter.set_partial_shape(openvino.PartialShape((shapes or {}).get(name, list(value.shape))))
    model.validate_nodes_and_infer_types()
    return model


def first_state(bert: nn.Module, ids: Tensor) -> Tensor:
    """Compute the first token's state, `[1, width]`, of a BERT of transformers' that masks nothing.

    Its own `forward` makes masks in a way that cannot be traced.
    """
    states = bert.get_submodule("embeddings")(input_ids=ids[None])
    for layer in bert.get_submodule("encoder").get_submodule("layer").children():
        states = layer(states)
        states = states[0] if isinstance(states, tuple) else states
    state: Tensor = states[:, 0]
    return state
