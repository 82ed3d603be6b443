#!/usr/bin/env bash
# Makes the app registration by which people sign in to the page, with its two app roles, through the Azure CLI; and gives
# a person one of them. See docs/permissions.md.
#
#   scripts/page-registration.sh create --address https://<app>.azurewebsites.net --identity <principal id>
#   scripts/page-registration.sh assign --client-id <application id> --user <UPN or object id> --role Admin|Reader
#
# There is no client secret: App Service authentication proves itself by the app's managed identity.
# Running it again finds what is there already.
set -euo pipefail

NAME="Profile Photo Sync page"
# An app role's id need only be its own within the registration; fixed ones make a second run change nothing.
ADMIN_ROLE="6a0f2b0e-3a43-4c53-9b52-3f0c1f0a7a01"
READER_ROLE="6a0f2b0e-3a43-4c53-9b52-3f0c1f0a7a02"

usage() {
  cat <<'TEXT'
usage: scripts/page-registration.sh create --address https://APP --identity PRINCIPAL_ID
       scripts/page-registration.sh assign --client-id ID --user UPN --role Admin|Reader
TEXT
}

fail() {
  printf 'page-registration: %s\n' "$*" >&2
  exit 1
}

graph() { # METHOD PATH [az rest's other arguments]
  local method=$1 path=$2
  shift 2
  az rest --only-show-errors --method "$method" --url "$ENDPOINT/v1.0/$path" "$@"
}

something() { [[ -n "$1" && "$1" != "None" && "$1" != "null" ]]; }

described() { # the registration as it should be
  cat <<JSON
{
  "displayName": "$NAME",
  "signInAudience": "AzureADMyOrg",
  "web": {
    "redirectUris": ["$address/.auth/login/aad/callback"],
    "implicitGrantSettings": {"enableIdTokenIssuance": true}
  },
  "appRoles": [
    {
      "id": "$ADMIN_ROLE", "value": "PhotoSync.Admin", "displayName": "Administrator", "isEnabled": true,
      "description": "May look at everything and act: sync, sweep, retry.", "allowedMemberTypes": ["User", "Application"]
    },
    {
      "id": "$READER_ROLE", "value": "PhotoSync.Reader", "displayName": "Reader", "isEnabled": true,
      "description": "May look at everything.", "allowedMemberTypes": ["User", "Application"]
    }
  ]
}
JSON
}

create() {
  local found object client principal credentials
  found=$(graph get "applications?\$filter=displayName%20eq%20'${NAME// /%20}'&\$select=id,appId" \
    --query "value[].[id, appId]" --output tsv) || fail "app registrations cannot be read: see above"
  if ! something "$found"; then
    found=$(graph post applications --headers "Content-Type=application/json" --body "$(described)" \
      --query "[[id, appId]]" --output tsv) || fail "the registration could not be made: see above"
    echo "  made      the registration '$NAME'"
  else
    [[ $(wc -l <<<"$found") -eq 1 ]] || fail "there are several registrations named '$NAME': remove those that are not this one"
    graph patch "applications/${found%%$'\t'*}" --headers "Content-Type=application/json" --body "$(described)" --output none \
      || fail "the registration could not be brought up to date: see above"
    echo "  is there  the registration '$NAME', brought up to date"
  fi
  object=${found%%$'\t'*}
  client=${found##*$'\t'}

  graph patch "applications/$object" --headers "Content-Type=application/json" --output none \
    --body "{\"identifierUris\": [\"api://$client\"]}" || fail "its identifier could not be set: see above"

  if principal=$(graph get "servicePrincipals(appId='$client')?\$select=id" --query id --output tsv 2>/dev/null) && something "$principal"; then
    echo "  is there  its service principal"
  else
    principal=$(graph post servicePrincipals --headers "Content-Type=application/json" \
      --body "{\"appId\": \"$client\", \"appRoleAssignmentRequired\": true}" --query id --output tsv) \
      || fail "its service principal could not be made: see above"
    echo "  made      its service principal; nobody gets in without a role"
  fi

  credentials=$(graph get "applications/$object/federatedIdentityCredentials" --query "value[].subject" --output tsv)
  if grep -qixF "$identity" <<<"$credentials"; then
    echo "  is there  the managed identity as its credential"
  else
    local tenant login audience
    tenant=$(az account show --query tenantId --output tsv)
    login=$(az cloud show --query endpoints.activeDirectory --output tsv)
    case "$login" in
      *login.microsoftonline.us*) audience="api://AzureADTokenExchangeUSGov" ;;
      *chinacloudapi.cn* | *partner.microsoftonline.cn*) audience="api://AzureADTokenExchangeChina" ;;
      *) audience="api://AzureADTokenExchange" ;;
    esac
    graph post "applications/$object/federatedIdentityCredentials" --headers "Content-Type=application/json" --output none \
      --body "{\"name\": \"photosync-identity\", \"issuer\": \"${login%/}/$tenant/v2.0\", \"subject\": \"$identity\", \"audiences\": [\"$audience\"]}" \
      || fail "the managed identity could not be made its credential: see above"
    echo "  made      the managed identity as its credential"
  fi
  cat <<TEXT
Now:
  azd env set PHOTOSYNC_SIGN_IN entra
  azd env set PHOTOSYNC_SIGN_IN_CLIENT_ID $client
  azd provision
  scripts/page-registration.sh assign --client-id $client --user <you> --role Admin
TEXT
}

assign() {
  local principal person id held
  case "$role" in
    Admin) id=$ADMIN_ROLE ;;
    Reader) id=$READER_ROLE ;;
    *) fail "--role is Admin or Reader" ;;
  esac
  principal=$(graph get "servicePrincipals(appId='$client')?\$select=id" --query id --output tsv) \
    || fail "there is no registration $client in this tenant: create comes first"
  person=$(graph get "users/$user?\$select=id" --query id --output tsv) || fail "there is no user $user"
  held=$(graph get "servicePrincipals/$principal/appRoleAssignedTo?\$top=999" \
    --query "value[?principalId=='$person' && appRoleId=='$id'].id | [0]" --output tsv)
  if something "$held"; then
    echo "  has it already  PhotoSync.$role: $user"
    return
  fi
  graph post "servicePrincipals/$principal/appRoleAssignedTo" --headers "Content-Type=application/json" --output none \
    --body "{\"principalId\": \"$person\", \"resourceId\": \"$principal\", \"appRoleId\": \"$id\"}" \
    || fail "the role could not be given: see above"
  echo "  given now       PhotoSync.$role: $user"
}

main() {
  local action=${1:-}
  address="" identity="" client="" user="" role=""
  [[ "$action" == create || "$action" == assign ]] || { usage >&2 && exit 2; }
  shift
  while (($# > 1)); do
    case "$1" in
      --address) address=${2%/} ;;
      --identity) identity=$2 ;;
      --client-id) client=$2 ;;
      --user) user=$2 ;;
      --role) role=$2 ;;
      *) usage >&2 && exit 2 ;;
    esac
    shift 2
  done
  (($# == 0)) || { usage >&2 && exit 2; }
  command -v az >/dev/null || fail "the Azure CLI (az) is not installed"
  ENDPOINT=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv) || fail "sign in first: az login"
  ENDPOINT=${ENDPOINT%/}
  if [[ "$action" == create ]]; then
    [[ "$address" =~ ^https://[A-Za-z0-9.-]+$ ]] || fail "--address is the app's, beginning with https://"
    [[ "$identity" =~ ^[0-9A-Fa-f-]{36}$ ]] || fail "--identity is the object (principal) id of the managed identity"
    create
  else
    [[ "$client" =~ ^[0-9A-Fa-f-]{36}$ ]] || fail "--client-id is the application id that create printed"
    [[ "$user" =~ ^[A-Za-z0-9._@#-]+$ ]] || fail "--user is a UPN or an object id"
    user=${user//#/%23}
    assign
  fi
}

main "$@"
