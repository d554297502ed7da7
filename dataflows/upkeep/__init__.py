"""Days two to a thousand: what was lost is put back, what is there is kept safe and looked over."""
