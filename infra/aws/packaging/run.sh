#!/bin/sh
# Starts the ask app as a web server. The Lambda Web Adapter runs this in place of a handler.
export PYTHONPATH="$LAMBDA_TASK_ROOT:/opt/python${PYTHONPATH:+:$PYTHONPATH}"
exec python -m uvicorn --factory functions.ask.app:app --host 127.0.0.1 --port "${AWS_LWA_PORT:-8080}" \
	--log-level warning --no-access-log
