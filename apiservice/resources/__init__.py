"""Resources declared as data; requests for them are routed, filtered and rendered here."""
