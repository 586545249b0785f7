public final class EventLoop {}
