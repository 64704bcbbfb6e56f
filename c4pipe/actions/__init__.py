"""The actions of the commands. A command imports its action only after it has parsed its flags."""
