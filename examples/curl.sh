#!/bin/sh
# A miss, a hit, a follow-up and a note change, against `tercet serve`.
set -eu
url=${TERCET_URL:-http://localhost:8000}

api() { # METHOD PATH [BODY]
  method=$1 path=$2
  shift 2
  curl --silent --show-error --fail-with-body --request "$method" "$url/v1$path" \
    --header "X-Tercet-User: ${TERCET_USER:-ann}" --header "Content-Type: application/json" \
    --dump-header - ${1:+--data "$1"} | grep --ignore-case --extended-regexp '^(cache-status|\{)'
  echo
}

echo "A note:"
api PUT /notes/shifts '{"title": "Shifts", "text": "An on-call shift lasts one week. Ann plans the shifts."}'

echo "A miss: the answer is generated and stored."
api POST /assistant/query '{"query": "How long is an on-call shift?"}'

echo "A hit: another spelling of the same question."
api POST /assistant/query '{"query": "how long is an  on-call shift"}'

echo "A follow-up: it is answered with the conversation before it."
api POST /assistant/query '{"query": "And who plans it?", "history": [
  {"role": "user", "content": "How long is an on-call shift?"},
  {"role": "assistant", "content": "An on-call shift lasts one week [1]."}]}'

echo "A change: the answers that it affects are dropped before the response."
api PUT /notes/shifts '{"title": "Shifts", "text": "An on-call shift lasts two weeks. Ann plans the shifts."}'

echo "From the new note: a miss, or a hit if the answer has been warmed by now."
api POST /assistant/query '{"query": "How long is an on-call shift?"}'
