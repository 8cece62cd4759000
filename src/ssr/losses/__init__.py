"""What training minimises: measures with a gradient."""
