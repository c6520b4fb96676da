// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "ingest-bench",
    dependencies: [.package(name: "almanac", path: "../..")],
    targets: [
        .executableTarget(
            name: "ingest-bench",
            dependencies: [
                .product(name: "Store", package: "almanac"), .product(name: "Traces", package: "almanac"),
            ])
    ]
)
