"""Why a photo is looked at: notifications, manual sync, subscription upkeep."""
