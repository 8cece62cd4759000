class S2NaipPairs: pass
