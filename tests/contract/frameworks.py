"""The canned app in each framework: each in a file of its own, since servers import only the one that they run."""

from __future__ import annotations

from tests.contract.aiohttp_site import AiohttpSite, StreamingAiohttpSite
from tests.contract.bottle_site import BottleSite
from tests.contract.django_site import DjangoAsyncSite, DjangoSite, DjangoStreamSite
from tests.contract.falcon_site import FalconAsyncSite, FalconSite
from tests.contract.flask_site import FlaskSite, StreamingFlaskSite
from tests.contract.litestar_site import LitestarSite
from tests.contract.pyramid_site import PyramidSite
from tests.contract.quart_site import QuartSite
from tests.contract.starlette_site import FastApiSite, StarletteSite

FRAMEWORKS = (
    StarletteSite,
    FastApiSite,
    FlaskSite,
    StreamingFlaskSite,
    DjangoSite,
    DjangoStreamSite,
    DjangoAsyncSite,
    QuartSite,
    LitestarSite,
    FalconSite,
    FalconAsyncSite,
    PyramidSite,
    BottleSite,
    AiohttpSite,
    StreamingAiohttpSite,
)
