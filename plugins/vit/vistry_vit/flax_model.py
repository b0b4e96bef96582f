"""The vision transformer in Flax, with the names, shapes and initial distributions of timm's."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import Conv, LayerNorm, Linear, Sequential, normal, zeros

PATCH, EPS, DEVIATION = 16, 1e-6, 0.02

# Width, blocks and heads (Dosovitskiy et al., 2020, table 1; the small one of Touvron et al., 2020, table 1).
VARIANTS = {
    "vit_small_patch16_224": (384, 12, 6),
    "vit_base_patch16_224": (768, 12, 12),
    "vit_large_patch16_224": (1024, 24, 16),
}


def linear(inputs: int, outputs: int, random: np.random.Generator) -> Linear:
    """Build a linear layer with a bias of 0, as timm's does."""
    return Linear(inputs, outputs, weight=normal(DEVIATION), bias=zeros, random=random)


class PatchEmbedding(nnx.Module):
    """Projects each patch to a vector."""

    def __init__(self, width: int, random: np.random.Generator):
        self.proj = Conv(3, width, PATCH, stride=PATCH, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, patches, width]; pixels that don't fill a patch are left out."""
        return self.proj(x).reshape(len(x), -1, self.proj.weight.shape[0])


class Attention(nnx.Module):
    """Self-attention with several heads (Vaswani et al., 2017, section 3.2)."""

    def __init__(self, width: int, heads: int, random: np.random.Generator):
        self.heads = heads
        self.qkv = linear(width, 3 * width, random)
        self.proj = linear(width, width, random)

    def __call__(self, x: Array) -> Array:
        """[N, T, width] to the same shape."""
        images, tokens, width = x.shape
        qkv = self.qkv(x).reshape(images, tokens, 3, self.heads, width // self.heads)
        out = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2])
        return self.proj(out.reshape(images, tokens, width))


class Mlp(nnx.Module):
    """Widen, GELU, narrow."""

    def __init__(self, width: int, random: np.random.Generator):
        self.fc1 = linear(width, 4 * width, random)
        self.fc2 = linear(4 * width, width, random)

    def __call__(self, x: Array) -> Array:
        """[N, T, width] to the same shape."""
        return self.fc2(jax.nn.gelu(self.fc1(x), approximate=False))


class Block(nnx.Module):
    """Attention and MLP, each after a layer norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, random: np.random.Generator):
        self.norm1 = LayerNorm(width, eps=EPS)
        self.attn = Attention(width, heads, random)
        self.norm2 = LayerNorm(width, eps=EPS)
        self.mlp = Mlp(width, random)

    def __call__(self, x: Array) -> Array:
        """[N, T, width] to the same shape."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nnx.Module):
    """A network that maps images [N, size, size, 3] to logits."""

    def __init__(self, width: int, blocks: int, heads: int, size: int, num_classes: int, random: np.random.Generator):
        draw = partial(_parameter, random)
        self.patch_embed = PatchEmbedding(width, random)
        self.cls_token = draw((1, 1, width), 1e-6)
        self.pos_embed = draw((1, 1 + (size // PATCH) ** 2, width), DEVIATION)
        self.blocks = Sequential(*(Block(width, heads, random) for _ in range(blocks)))
        self.norm = LayerNorm(width, eps=EPS)
        self.head = linear(width, num_classes, random)

    def __call__(self, x: Array) -> Array:
        """[N, size, size, 3] to [N, num_classes]."""
        patches = self.patch_embed(x)
        token = jnp.broadcast_to(self.cls_token[...], (len(x), 1, patches.shape[2])).astype(patches.dtype)
        x = jnp.concatenate([token, patches], axis=1) + self.pos_embed[...]
        return self.head(self.norm(self.blocks(x))[:, 0])


def _parameter(random: np.random.Generator, shape: tuple[int, ...], deviation: float) -> nnx.Param[Array]:
    return nnx.Param(jnp.asarray(normal(deviation)(random, shape)))


def build(variant: str, size: int, num_classes: int, seed: int) -> VisionTransformer:
    """Build the network for images of one size, with initial weights drawn from a seed."""
    return VisionTransformer(*VARIANTS[variant], size, num_classes, np.random.default_rng(seed))
