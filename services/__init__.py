"""The rooms of govapp: the shared noun (manifest), the registry of facts and the audit that judges them."""
