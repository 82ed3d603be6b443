"""Colours of any picture brought to sRGB, since SharePoint's pages show the thumbnails without asking for a profile."""

from io import BytesIO

from PIL import Image, ImageCms

_MODE_OF_PROFILE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def bring_to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """An L, LA, RGB, RGBA or CMYK picture as RGB in sRGB, alpha laid on white.

    `profile` is the embedded ICC profile. One that is broken, or made for other colours than the picture has, is
    ignored: the picture is then read as sRGB, as a browser does.
    """
    alpha = picture.getchannel("A") if picture.mode in {"LA", "RGBA"} else None
    colours = picture if alpha is None else picture.convert("L" if picture.mode == "LA" else "RGB")
    translated = _translated(colours, profile) if profile else None
    result = translated or colours.convert("RGB")
    if alpha is None:
        return result
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(result, mask=alpha)
    return paper


def _translated(colours: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        embedded = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _MODE_OF_PROFILE.get(embedded.profile.xcolor_space.strip())
        if mode == "RGB" and colours.mode == "L":
            colours = colours.convert("RGB")  # grey pictures often carry their camera's RGB profile
        if mode != colours.mode:
            return None
        transform = ImageCms.buildTransform(embedded, ImageCms.createProfile("sRGB"), mode, "RGB")
        return ImageCms.applyTransform(colours, transform)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
