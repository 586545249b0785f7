public final class Virtqueue {}
