internal import Foundation

func logarithm(_ x: Double) -> Double { log(x) }
func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
func exponential(_ x: Double) -> Double { exp(x) }
