<#
.SYNOPSIS
Grants, shows or revokes what Profile Photo Sync may do in Microsoft 365, through Microsoft Graph PowerShell.

.DESCRIPTION
The same as permissions.sh. Whoever runs it needs the Entra role Privileged Role Administrator (or Global
Administrator). Running it again changes nothing that is right already. No role id is written here: they are looked up
by name in the tenant.

.EXAMPLE
./Permissions.ps1 -Action Grant -PrincipalId <object id of the managed identity>

.EXAMPLE
./Permissions.ps1 -Action Show -ClientId <application id of the app registration or of the identity>
#>
#Requires -Version 7.2
#Requires -Modules Microsoft.Graph.Authentication, Microsoft.Graph.Applications
[CmdletBinding(DefaultParameterSetName = 'Principal')]
param(
    [Parameter(Mandatory)]
    [ValidateSet('Grant', 'Show', 'Revoke')]
    [string] $Action,

    # Object id of the managed identity or service principal.
    [Parameter(Mandatory, ParameterSetName = 'Principal')]
    [guid] $PrincipalId,

    # Its application (client) id instead.
    [Parameter(Mandatory, ParameterSetName = 'Client')]
    [guid] $ClientId,

    # Also GroupMember.Read.All: only when a setting or a job names a group.
    [switch] $WithGroups,

    # Also SharePoint's Sites.FullControl.All: only when copies fail with NotPermitted without it.
    [switch] $WithFullControl,

    # Global, USGov, USGovDoD or China.
    [string] $Environment = 'Global'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$resources = @(
    @{
        Name     = 'Microsoft Graph'
        AppId    = '00000003-0000-0000-c000-000000000000'
        Roles    = @('ProfilePhoto.Read.All', 'User.Read.All')
        Optional = @('GroupMember.Read.All')
        Asked    = $WithGroups.IsPresent
    }
    @{
        Name     = 'SharePoint'
        AppId    = '00000003-0000-0ff1-ce00-000000000000'
        Roles    = @('User.ReadWrite.All', 'Sites.ReadWrite.All')
        Optional = @('Sites.FullControl.All')
        Asked    = $WithFullControl.IsPresent
    }
)

$scopes = @('Application.Read.All')
if ($Action -ne 'Show') {
    $scopes += 'AppRoleAssignment.ReadWrite.All'
}
Connect-MgGraph -Scopes $scopes -Environment $Environment -NoWelcome

if ($PSCmdlet.ParameterSetName -eq 'Client') {
    $principal = Get-MgServicePrincipal -Filter "appId eq '$ClientId'"
    if ($null -eq $principal) {
        throw "There is no service principal for $ClientId in this tenant."
    }
    $id = $principal.Id
}
else {
    $id = $PrincipalId.ToString()
}

$granted = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $id -All)
Write-Output "Service principal $id"

foreach ($resource in $resources) {
    $service = Get-MgServicePrincipal -Filter "appId eq '$($resource.AppId)'"
    if ($null -eq $service) {
        throw "There is no service principal of $($resource.Name) in this tenant."
    }
    $names = $resource.Roles
    # Showing and revoking look at everything that this script may ever have granted.
    if ($resource.Asked -or $Action -ne 'Grant') {
        $names = $names + $resource.Optional
    }
    foreach ($name in $names) {
        $role = $service.AppRoles | Where-Object { $_.Value -eq $name -and $_.IsEnabled -and $_.AllowedMemberTypes -contains 'Application' }
        if ($null -eq $role) {
            throw "The tenant knows no application permission $name of $($resource.Name)."
        }
        $assignment = $granted | Where-Object { $_.ResourceId -eq $service.Id -and $_.AppRoleId -eq $role.Id }
        $state = if ($null -eq $assignment) { 'is not granted' } else { 'is granted' }
        if ($Action -eq 'Grant' -and $null -eq $assignment) {
            $given = @{
                ServicePrincipalId = $id
                PrincipalId        = $id
                ResourceId         = $service.Id
                AppRoleId          = $role.Id
            }
            New-MgServicePrincipalAppRoleAssignment @given | Out-Null
            $state = 'granted now'
        }
        elseif ($Action -eq 'Revoke' -and $null -ne $assignment) {
            Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $id -AppRoleAssignmentId $assignment.Id
            $state = 'revoked now'
        }
        Write-Output ('  {0,-14}  {1,-16} {2}' -f $state, $resource.Name, $name)
    }
}

if ($Action -eq 'Grant') {
    Write-Output "Done. If the app ran before, it can take a day until its token has them: a managed identity's is kept that long."
}
elseif ($Action -eq 'Revoke') {
    Write-Output 'Done. A token that the app holds already is good for up to a day: stop the app if that matters.'
}
