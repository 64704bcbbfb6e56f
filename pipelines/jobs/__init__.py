"""What each pipeline command works on: its plan, what it leaves in its folder, and its words. No flow, no flags."""
