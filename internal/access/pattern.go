package access

// Matches reports whether the topic is one of those that the pattern means:
// "*" stands for any run of characters, everything else for itself.
func Matches(pattern, topic string) bool { return matches(pattern, topic) }
