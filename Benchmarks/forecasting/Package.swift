// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "forecasting-bench",
    dependencies: [.package(name: "almanac", path: "../..")],
    targets: [
        .executableTarget(
            name: "forecasting-bench",
            dependencies: [
                .product(name: "Forecasting", package: "almanac"), .product(name: "LinearAlgebra", package: "almanac"),
            ])
    ]
)
