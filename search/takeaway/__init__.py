"""Taking hits away: as tables, as playlists, and as archives of their files or of the seconds that answer."""
