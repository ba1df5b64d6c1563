"""What joins a model or a command with the store: write-back, refresh jobs, inspection."""
