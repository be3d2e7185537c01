"""The only door to Mitsuba and Open Image Denoise: parts, lights and a shot become a picture."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mitsuba
import mitsuba_oidn
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adgen.providers.studio import labels
from adgen.providers.studio.labels import Colour
from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Part
from adgen.providers.studio.shapes import Floats, Mesh, rotation
from adgen.providers.studio.shots import Shot
from adgen.providers.studio.stage import Lamp, Mood

mitsuba.set_variant("scalar_rgb")
_FINE, _QUICK = mitsuba_oidn.Quality.High, mitsuba_oidn.Quality.Balanced
# Random numbers go by the block; left to itself its size follows the number of cores.
_BLOCK = 32
Linear = NDArray[np.float32]


class Scene:
    """Loaded once; then any number of shots of it."""

    def __init__(self, parts: Sequence[Part], mood: Mood, rig: float) -> None:
        with tempfile.TemporaryDirectory(prefix="adgen-s-") as folder:
            clear = any(part.material.finish == "glass" for part in parts)
            world: dict[str, Any] = {"type": "scene", "integrator": _integrator(clear=clear)}
            for number, part in enumerate(parts):
                file = Path(folder) / f"{number}.ply"
                _write(part.mesh, file)
                world[f"part{number}"] = _shape(part, file)
            for number, lamp in enumerate(mood.lamps):
                world[f"lamp{number}"] = _lamp(lamp, rig)
            air = [part * mood.air for part in linear(mood.air_colour)]
            world["air"] = {"type": "constant", "radiance": _rgb(air)}
            # Otherwise the lamps come in any order, and the random numbers fall differently.
            self._scene = mitsuba.load_dict(world, parallel=False, optimize=False)
        self._aids = _layers("alb:albedo,nn:sh_normal")
        # Sixteen times as fast as the same layer of the aids, which works out each surface whole.
        self._depth = mitsuba.load_dict({"type": "depth", "block_size": _BLOCK})
        self._exposure = mood.exposure

    def take(
        self, shot: Shot, size: tuple[int, int], samples: int, seed: int, *, still: bool = True
    ) -> Image.Image:
        """A picture of `size` pixels with so many samples a pixel, without noise."""
        sensor = mitsuba.load_dict(_sensor(shot, size))
        lit = _calmed(self._rendered(sensor, samples, seed))
        # By a pass of its own: along with the light it would cost as much again.
        aids = self._rendered(sensor, max(1, samples // 4), seed, self._aids)
        clean = mitsuba_oidn.denoise(
            lit,
            albedo=_tight(np.clip(aids[..., :3], 0, 1)),
            normal=_tight(aids[..., 3:6]),
            hdr=True,
            quality=_FINE if still else _QUICK,
        )
        return developed(np.asarray(clean, dtype=np.float32) * np.float32(self._exposure), seed)

    def depths(self, shot: Shot, size: tuple[int, int]) -> Floats:
        """How far from the camera what each pixel shows is."""
        sensor = mitsuba.load_dict(_sensor(replace(shot, open=0.0), size))
        raw = mitsuba.render(self._scene, sensor=sensor, spp=1, seed=0, integrator=self._depth)
        away = np.asarray(raw, dtype=np.float64)[..., 0]
        return np.where(away > 0, away, 50.0)

    def _rendered(self, sensor: Any, samples: int, seed: int, by: Any = None) -> Linear:
        integrator = {} if by is None else {"integrator": by}
        raw = mitsuba.render(self._scene, sensor=sensor, spp=samples, seed=seed, **integrator)
        return np.nan_to_num(np.asarray(raw, dtype=np.float32), nan=0.0, posinf=50.0)


def _tight(layers: Linear) -> Linear:
    return np.ascontiguousarray(layers, dtype=np.float32)


def _calmed(lit: Linear) -> Linear:
    """Without the rare sample that is far brighter than anything the picture can show."""
    top = lit.max(axis=2, keepdims=True)
    return np.asarray(lit * np.minimum(1.0, 12.0 / np.maximum(top, 1e-6)), dtype=np.float32)


def developed(lit: Linear, seed: int) -> Image.Image:
    """Light as a screen shows it: straight up to bright, then bent so that nothing is cut off."""
    top = np.maximum(lit.max(axis=2, keepdims=True), 1e-6)
    knee = 0.62
    bent = np.where(
        top > knee, knee + (1 - knee) * (1 - np.exp(-(top - knee) / (1 - knee) / 1.15)), top
    )
    shown = lit * (bent / top)
    # Very bright colours pale, as on film.
    shown += (bent - shown) * np.clip((top - 1.2) / 4.0, 0, 0.8)
    coded = np.where(
        shown <= 0.0031308, shown * 12.92, 1.055 * np.maximum(shown, 1e-8) ** (1 / 2.4) - 0.055
    )
    # Half a step of noise, or smooth walls show bands.
    dither = np.random.default_rng(seed).uniform(0, 1, coded.shape[:2])[..., None]
    return Image.fromarray(np.clip(np.floor(coded * 255 + dither), 0, 255).astype(np.uint8))


def linear(colour: Colour) -> list[float]:
    """A screen colour as light."""
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in colour]


def _rgb(values: Sequence[float]) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(value) for value in values]}


def _layers(aovs: str) -> Any:
    return mitsuba.load_dict({"type": "aov", "aovs": aovs, "block_size": _BLOCK})


def _integrator(*, clear: bool) -> dict[str, Any]:
    """Light that is thrown a few times; more often where there is glass to pass."""
    return {"type": "path", "max_depth": 9 if clear else 5, "rr_depth": 4, "block_size": _BLOCK}


def _sensor(shot: Shot, size: tuple[int, int]) -> dict[str, Any]:
    view = mitsuba.ScalarTransform4f().look_at(
        origin=shot.origin.tolist(), target=shot.aim.tolist(), up=list(shot.up)
    )
    film = {
        "type": "hdrfilm", "width": size[0], "height": size[1], "pixel_format": "rgb",
        "component_format": "float32", "rfilter": {"type": "box"},
    }  # fmt: skip
    lens: dict[str, Any] = {"type": "perspective"}
    if shot.open > 0:
        away = shot.reach * shot.focus
        lens = {"type": "thinlens", "aperture_radius": shot.open, "focus_distance": away}
    return {
        **lens, "fov": shot.fov, "fov_axis": "smaller", "near_clip": 0.01, "to_world": view,
        "film": film, "sampler": {"type": "multijitter"},
    }  # fmt: skip


def _lamp(lamp: Lamp, rig: float) -> dict[str, Any]:
    at = rotation(rig) @ np.array(lamp.at)
    aim = rotation(rig) @ np.array(lamp.to)
    place = mitsuba.ScalarTransform4f().look_at(
        origin=at.tolist(), target=aim.tolist(), up=[0.0, 0.0, 1.0]
    ) @ mitsuba.ScalarTransform4f().scale([lamp.wide / 2, lamp.high / 2, 1.0])
    light = [part * lamp.power for part in linear(lamp.colour)]
    return {
        "type": "rectangle", "to_world": place,
        "emitter": {"type": "area", "radiance": _rgb(light)},
        "bsdf": {"type": "diffuse", "reflectance": _rgb([0, 0, 0])},
    }  # fmt: skip


def _write(mesh: Mesh, file: Path) -> None:
    corners = np.hstack([mesh.points, mesh.normals, mesh.places]).astype("<f4")
    faces = np.empty(len(mesh.faces), dtype=[("n", "u1"), ("i", "<i4", (3,))])
    faces["n"], faces["i"] = 3, mesh.faces
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(corners)}"]
    head += [f"property float {name}" for name in ("x", "y", "z", "nx", "ny", "nz", "u", "v")]
    head += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    file.write_bytes("\n".join([*head, ""]).encode() + corners.tobytes() + faces.tobytes())


def _shape(part: Part, file: Path) -> dict[str, Any]:
    shape: dict[str, Any] = {"type": "ply", "filename": str(file)}
    material = part.material
    if material.finish == "glow":
        light = [value * material.power for value in linear(material.colour)]
        shape["emitter"] = {"type": "area", "radiance": _rgb(light)}
        return shape
    if material.finish == "screen":
        shape["emitter"] = {"type": "area", "radiance": _colour(material, part.mesh.span)}
        return shape
    shape["bsdf"] = _bsdf(material, part.mesh.span)
    return shape


# How each finish takes light, by the names of Mitsuba's `principled`; what is not here is chalky.
_FINISHES: dict[str, dict[str, float]] = {
    "metal": {"metallic": 1.0, "roughness": 0.2},
    "glossy": {"roughness": 0.28, "clearcoat": 1.0, "clearcoat_gloss": 0.96},
    "satin": {"roughness": 0.36, "specular": 0.5},
    "liquid": {"roughness": 0.08, "specular": 0.3},
    "leather": {"roughness": 0.42, "specular": 0.5},
    "wood": {"roughness": 0.38, "specular": 0.4},
    "fabric": {"roughness": 0.9, "specular": 0.15, "sheen": 0.8, "sheen_tint": 0.6},
    "rubber": {"roughness": 0.62, "specular": 0.35},
}


def _bsdf(material: Material, span: tuple[float, float]) -> dict[str, Any]:
    if material.finish == "glass":
        tint = [0.35 + 0.65 * value for value in linear(material.colour)]
        return {"type": "thindielectric", "specular_transmittance": _rgb(tint)}
    colour = _colour(material, span)
    inner: dict[str, Any] = {"type": "diffuse", "reflectance": colour}
    if finish := _FINISHES.get(material.finish):
        inner = {"type": "principled", "base_color": colour, **finish}
    if material.finish == "leather" and material.picture is None:
        height = _bitmap(labels.hide(material.grain), raw=True, to_uv=_tiled(span, 5.0))
        inner = {"type": "bumpmap", "arbitrary": height, "scale": 0.0012, "bsdf": inner}
    return {"type": "twosided", "bsdf": inner}


def _colour(material: Material, span: tuple[float, float]) -> dict[str, Any]:
    if material.picture is not None:
        return _bitmap(np.ascontiguousarray(material.picture[::-1, :, :3]))
    if material.finish == "wood":
        pixels = labels.wood(material.colour, material.grain)
        return _bitmap(pixels, to_uv=_tiled(span, material.tile))
    if material.finish == "fabric":
        pixels = labels.weave(material.colour, material.grain)
        return _bitmap(pixels, to_uv=_tiled(span, material.tile))
    return _rgb(linear(material.colour))


def _bitmap(pixels: NDArray[Any], *, raw: bool = False, to_uv: Any = None) -> dict[str, Any]:
    bitmap: dict[str, Any] = {"type": "bitmap", "bitmap": mitsuba.Bitmap(pixels), "raw": raw}
    return bitmap | ({"to_uv": to_uv} if to_uv is not None else {})


def _tiled(span: tuple[float, float], tile: float) -> Any:
    """Repeated so that each tile has its true size."""
    times = [max(side / tile, 0.05) for side in span]
    return mitsuba.ScalarTransform3f().scale(times)
