"""Identity from an authenticating reverse proxy."""
