#!/bin/sh
# Gives Temporal what Heed's stories need: the namespace, with its retention, and the search attributes that operators look things up by.
# Run again, it changes nothing. TEMPORAL_ADDRESS is read by the command line itself.
set -eu
namespace=${TEMPORAL_NAMESPACE:?}
retention=${TEMPORAL_RETENTION:?}

# The port opens before the cluster is one, and a namespace is known everywhere only some seconds after it was made.
until_it_works() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      echo "Temporal at $TEMPORAL_ADDRESS did not do this within two minutes: $*. Look at: docker compose logs temporal" >&2
      exit 1
    fi
    sleep 2
  done
}

until_it_works temporal operator cluster health
if temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$namespace" --retention "$retention"
else
  until_it_works temporal operator namespace create --namespace "$namespace" --retention "$retention"
fi

# One at a time: of several named in one command only the first is made. A name that is there already is left as it is.
attribute() {
  until_it_works temporal operator search-attribute create --namespace "$namespace" --type "$1" --name "$2"
}
is_known() {
  temporal operator search-attribute list --namespace "$namespace" | grep -Eq "^ *$2 +$1 *$"
}

# As src/workflows/messages.ts has them; a test compares the two.
for each in Stage:Keyword WaitingOn:Keyword Place:Keyword Kind:Keyword InsightId:Keyword Priority:Int Level:Int DueAt:Datetime; do
  attribute "${each#*:}" "${each%:*}"
  until_it_works is_known "${each#*:}" "${each%:*}"
done
echo "Temporal is ready for Heed."
