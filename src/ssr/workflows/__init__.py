"""What does each command do, from config to files?"""
