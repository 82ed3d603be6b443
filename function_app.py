"""The door: one function app made of three blueprints. What they do stands in their packages."""

import gc

gc.disable()  # what importing makes is no garbage, and to look for some takes a tenth of a cold start

import azure.functions as func

import photo_worker
import status_page
import sync_trigger
from shared import logs, settings

logs.quieten_libraries()
settings.load()  # says in one message what is missing or wrong, before anything runs

app = func.FunctionApp()
app.register_functions(sync_trigger.bp)
app.register_functions(photo_worker.bp)
app.register_functions(status_page.bp)
gc.freeze()
gc.enable()
