print("Rollcall")
