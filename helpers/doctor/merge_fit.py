"""What was added to a weight in a merge, by least squares: the adapter's update once, twice, in part, or another."""


def trained_weights(adapter_model) -> tuple[dict, dict]:
    """(weights by name, LoRA layers by weight name) of an adapter model, named and shaped as a merged model's.

    The weights are what the adapter saw in training: 4-bit ones come back dequantized, copies of `modules_to_save`
    stand for their originals.
    """
    from peft.tuners.lora import LoraLayer
    from peft.utils.integrations import dequantize_module_weight

    base = adapter_model.get_base_model()
    layers = {f"{name}.weight": module for name, module in base.named_modules() if isinstance(module, LoraLayer)}
    weights = {}
    for name, parameter in base.named_parameters():
        if "lora_" in name or ".original_module." in name:
            continue
        if hasattr(parameter, "quant_state"):
            parameter = dequantize_module_weight(base.get_submodule(name.rpartition(".")[0]))
        weights[name.replace(".modules_to_save.default", "").replace(".base_layer", "")] = parameter.detach()
    for name, layer in layers.items():  # a tied head is named once, as the embedding
        weights.setdefault(name, layer.get_base_layer().get_parameter("weight").detach())
    return weights, layers


def fit(found, seen, layer, tolerance: float) -> tuple:
    """What was added to a weight: (coefficients, the share of W' that they leave over), all matrices (out, in).

    One coefficient c, for W' - W = c * scaling * B A by least squares; where that leaves over more than `tolerance`,
    one for each rank-one part of B A. A right merge gives 1 and a rest of rounding.
    """
    import torch

    A, B = layer.lora_A["default"].weight.detach().float(), layer.lora_B["default"].weight.detach().float()
    transposed = getattr(layer, "fan_in_fan_out", False)
    added = found.float().to(A.device) - seen.float().to(A.device)
    added = added.T if transposed else added
    delta = layer.scaling["default"] * B @ A

    def left_over(explained) -> float:
        return share_left(added - explained, found)

    whole = (added * delta).sum() / delta.square().sum()
    if left_over(whole * delta) <= tolerance:
        return whole.reshape(1).cpu(), left_over(whole * delta)
    gram = ((B.T @ B) * (A @ A.T)).double().cpu()
    right = ((B.T @ added) * A).sum(dim=1, keepdim=True).double().cpu() / layer.scaling["default"]
    parts = torch.linalg.lstsq(gram, right, driver="gelsd").solution.float().squeeze(1)
    return parts, left_over(layer.scaling["default"] * (B * parts.to(B.device)) @ A)


def fit_rows(found, seen, layer) -> tuple:
    """As `fit`, for DoRA (arXiv 2402.09353): W' = m (W + c * scaling * B A), the factor m of each row fitted, too."""
    import torch

    A, B = layer.lora_A["default"].weight.detach().float().cpu(), layer.lora_B["default"].weight.detach().float().cpu()
    found, seen, delta = found.float(), seen.float().cpu(), layer.scaling["default"] * B @ A
    columns = torch.stack([seen, delta], dim=2)  # (out, in, 2)
    parts = torch.linalg.lstsq(columns, found.unsqueeze(2)).solution.squeeze(2)  # (out, 2)
    rest = share_left(found - (columns @ parts.unsqueeze(2)).squeeze(2), found)
    return (parts[:, 1] / parts[:, 0]).median().reshape(1), rest


def along(found, before, after) -> tuple:
    """(coefficient c, the share of W' left over) where `found` is before + c * (after - before), by least squares."""
    added, wanted = found.float() - before.float(), after.float() - before.float()
    c = (added * wanted).sum() / wanted.square().sum()
    return c.reshape(1), share_left(added - c * wanted, found)


def share_left(rest, found) -> float:
    """The norm of what is left over, as a share of that of the weight `found`."""
    import torch

    numbers = torch.finfo(found.dtype)
    # what rounding adds where numbers are too small to be normal
    tiny = numbers.smallest_normal * numbers.eps * found.numel() ** 0.5
    return ((rest.norm() - tiny).clamp(min=0) / found.float().norm().clamp(min=tiny)).item()


def plain_lora(layer) -> bool:
    """Whether the update of a LoRA layer is B A of two matrices, with DoRA's magnitudes or without."""
    return "default" in getattr(layer, "lora_A", {}) and not hasattr(layer, "lora_E")
