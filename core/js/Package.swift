// swift-tools-version: 5.9
import PackageDescription

// The native part of pannier/capacitor on iOS; `cap sync` finds it here.
let package = Package(
    name: "Pannier",
    platforms: [.iOS(.v15)],
    products: [.library(name: "Pannier", targets: ["PannierUploads"])],
    dependencies: [.package(url: "https://github.com/ionic-team/capacitor-swift-pm.git", from: "8.0.0")],
    targets: [
        .target(
            name: "PannierUploads",
            dependencies: [
                .product(name: "Capacitor", package: "capacitor-swift-pm"),
                .product(name: "Cordova", package: "capacitor-swift-pm")
            ],
            path: "ios/Sources/PannierUploads")
    ]
)
