"""What an installation needs, measured: state of cities of several sizes and ages, and live runs at several rates."""
