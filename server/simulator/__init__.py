"""The demo's life: crews that drive, customers who call, and colleagues who act when nobody else
does. Everything goes through the same doors as real people: SIP, HTTP and MQTT."""
