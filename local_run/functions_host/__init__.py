"""An Azure Functions host for this machine: it drives Microsoft's own worker library with the host's real rules.

`python -m local_run.functions_host --app DIR` serves the HTTP, queue and timer functions of an app folder. It knows
nothing of any one app. What it leaves out: content negotiation, HTTP throttling, the extension bundle's other
bindings, Application Insights and dynamic concurrency.
"""
