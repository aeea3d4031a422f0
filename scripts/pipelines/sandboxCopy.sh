#!/usr/bin/env bash
# One tenant's half of a sandbox copy, as the identity of the service connection. What the product signs in by
# (ManagedIdentityCredential) takes a federated identity from these three variables.
set -euo pipefail
umask 077

export AZURE_CLIENT_ID="${servicePrincipalId:?}" AZURE_TENANT_ID="${tenantId:?}"
export AZURE_FEDERATED_TOKEN_FILE="${AGENT_TEMPDIRECTORY:?}/identity"
trap 'rm -f "$AZURE_FEDERATED_TOKEN_FILE"' EXIT
printf %s "${idToken:?}" >"$AZURE_FEDERATED_TOKEN_FILE"

half() {
  npm run --silent sandbox -- --from "${FROM:?}" --to "${TO:?}" --tenant "${TENANT:?}" --settings "${SETTINGS:?}" "$@"
}

if [ "$HALF" = import ]; then
  half --copy "$(cat "${COPY_FILE:?}")"
  exit
fi
options=()
# Azure DevOps writes a boolean with a capital. A stage that is run again goes on with the key of its run.
if [ "${NEW_PSEUDONYMS:?}" = True ]; then options+=(--new-pseudonyms "build ${BUILD_BUILDID:?}"); fi
mkdir -p "$(dirname "${COPY_FILE:?}")"
half "${options[@]}" | tee /dev/stderr | sed -n 's/^the copy is whole: //p' >"$COPY_FILE"
