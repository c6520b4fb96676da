internal import Foundation

func availableCores() -> Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
