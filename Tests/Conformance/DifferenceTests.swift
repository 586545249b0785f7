import Harness
import Testing
