"""What things are: sites, documents, commands, requests and results. No arrays are computed here."""
