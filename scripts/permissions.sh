#!/usr/bin/env bash
# Grants, shows or revokes what the app may do in Microsoft 365, through the Azure CLI. See docs/permissions.md.
#
#   az login --tenant <tenant>
#   scripts/permissions.sh grant  --principal-id <object id of the managed identity>
#   scripts/permissions.sh show   --client-id <application id of the app registration or of the identity>
#   scripts/permissions.sh revoke --principal-id <object id>
#
# Whoever runs it needs the Entra role Privileged Role Administrator (or Global Administrator). Running it again changes
# nothing that is right already. No role id is written here: they are looked up by name in the tenant.
set -euo pipefail

GRAPH_APP="00000003-0000-0000-c000-000000000000"
SHAREPOINT_APP="00000003-0000-0ff1-ce00-000000000000"
GRAPH_ROLES=(ProfilePhoto.Read.All User.Read.All)
SHAREPOINT_ROLES=(User.ReadWrite.All Sites.ReadWrite.All)
OPTIONAL_GRAPH_ROLES=(GroupMember.Read.All)
OPTIONAL_SHAREPOINT_ROLES=(Sites.FullControl.All)

usage() {
  cat <<'TEXT'
usage: scripts/permissions.sh grant|show|revoke (--principal-id ID | --client-id ID) [--with-groups] [--with-full-control]

  --principal-id ID      object id of the managed identity or service principal
  --client-id ID         its application (client) id instead
  --with-groups          also GroupMember.Read.All: only when a setting or a job names a group
  --with-full-control    also SharePoint's Sites.FullControl.All: only when copies fail with NotPermitted without it
TEXT
}

fail() {
  printf 'permissions: %s\n' "$*" >&2
  exit 1
}

graph() { # METHOD PATH [az rest's other arguments]
  local method=$1 path=$2
  shift 2
  az rest --only-show-errors --method "$method" --url "$ENDPOINT/v1.0/$path" "$@"
}

service_principal() { # CLIENT_ID: its object id in this tenant
  graph get "servicePrincipals(appId='$1')?\$select=id" --query id --output tsv \
    || fail "there is no service principal for $1 in this tenant, or you may not read it: see above"
}

roles_of() { # RESOURCE_APP: a line for each application permission that it offers: name, id
  graph get "servicePrincipals(appId='$1')?\$select=appRoles" --output tsv \
    --query "appRoles[?isEnabled && contains(allowedMemberTypes, 'Application')].[value, id]"
}

granted() { # one line an assignment: resource's object id, role's id, assignment's id
  graph get "servicePrincipals/$PRINCIPAL/appRoleAssignments?\$top=999" --output tsv \
    --query "value[].[resourceId, appRoleId, id]"
}

each_role() { # COMMAND: calls it with resource's app id, its object id, role's name, role's id, assignment's id
  local command=$1 app resource offered role id assignment assignments names
  assignments=$(granted) || fail "what is granted already cannot be read: see above"
  for app in "$GRAPH_APP" "$SHAREPOINT_APP"; do
    resource=$(service_principal "$app")
    offered=$(roles_of "$app") || fail "the roles of $app cannot be read: see above"
    if [[ "$app" == "$GRAPH_APP" ]]; then names=("${WANTED_GRAPH[@]}"); else names=("${WANTED_SHAREPOINT[@]}"); fi
    for role in "${names[@]}"; do
      id=$(awk -F '\t' -v n="$role" '$1 == n { print $2 }' <<<"$offered")
      [[ -n "$id" ]] || fail "the tenant knows no application permission $role of $app"
      assignment=$(awk -F '\t' -v r="$resource" -v i="$id" '$1 == r && $2 == i { print $3 }' <<<"$assignments")
      "$command" "$app" "$resource" "$role" "$id" "$assignment"
    done
  done
}

label() { if [[ "$1" == "$GRAPH_APP" ]]; then echo "Microsoft Graph"; else echo "SharePoint"; fi; }

grant_one() {
  if [[ -n "$5" ]]; then
    printf '  is granted      %-16s %s\n' "$(label "$1")" "$3"
    return
  fi
  graph post "servicePrincipals/$PRINCIPAL/appRoleAssignments" --headers "Content-Type=application/json" --output none \
    --body "{\"principalId\": \"$PRINCIPAL\", \"resourceId\": \"$2\", \"appRoleId\": \"$4\"}" \
    || fail "$3 could not be granted: see above. It takes the Entra role Privileged Role Administrator."
  printf '  granted now     %-16s %s\n' "$(label "$1")" "$3"
}

revoke_one() {
  if [[ -z "$5" ]]; then
    printf '  is not granted  %-16s %s\n' "$(label "$1")" "$3"
    return
  fi
  graph delete "servicePrincipals/$PRINCIPAL/appRoleAssignments/$5" --output none \
    || fail "$3 could not be revoked: see above. It takes the Entra role Privileged Role Administrator."
  printf '  revoked now     %-16s %s\n' "$(label "$1")" "$3"
}

show_one() {
  local state="is not granted"
  [[ -z "$5" ]] || state="is granted    "
  printf '  %s  %-16s %s\n' "$state" "$(label "$1")" "$3"
}

main() {
  local action=${1:-} client="" groups=false full=false
  PRINCIPAL=""
  case "$action" in
    grant | show | revoke) shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  while (($#)); do
    case "$1" in
      --principal-id) PRINCIPAL=${2:-} && shift 2 ;;
      --client-id) client=${2:-} && shift 2 ;;
      --with-groups) groups=true && shift ;;
      --with-full-control) full=true && shift ;;
      *) usage >&2 && exit 2 ;;
    esac
  done
  [[ -n "$PRINCIPAL" || -n "$client" ]] || { usage >&2 && exit 2; }
  [[ "${PRINCIPAL:-$client}" =~ ^[0-9A-Fa-f-]{36}$ ]] || fail "'${PRINCIPAL:-$client}' is no id: expected 8-4-4-4-12 hexadecimal digits"
  command -v az >/dev/null || fail "the Azure CLI (az) is not installed"
  ENDPOINT=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv) || fail "sign in first: az login"
  ENDPOINT=${ENDPOINT%/}
  [[ -n "$PRINCIPAL" ]] || PRINCIPAL=$(service_principal "$client")

  WANTED_GRAPH=("${GRAPH_ROLES[@]}")
  WANTED_SHAREPOINT=("${SHAREPOINT_ROLES[@]}")
  # Showing and revoking look at everything that this script may ever have granted.
  if [[ "$groups" == true || "$action" != grant ]]; then WANTED_GRAPH+=("${OPTIONAL_GRAPH_ROLES[@]}"); fi
  if [[ "$full" == true || "$action" != grant ]]; then WANTED_SHAREPOINT+=("${OPTIONAL_SHAREPOINT_ROLES[@]}"); fi

  printf 'Service principal %s\n' "$PRINCIPAL"
  each_role "${action}_one"
  case "$action" in
    grant) echo "Done. If the app ran before, it can take a day until its token has them: a managed identity's is kept that long." ;;
    revoke) echo "Done. A token that the app holds already is good for up to a day: stop the app if that matters." ;;
  esac
}

main "$@"
